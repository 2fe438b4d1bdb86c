//! Output independent of company, on real weights: the same tokens and the same bits alone,
//! batched, chunked, preempted and on a prefix hit.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod local_model;
mod server_process;

use local_model::{Sizes, collect, engine, executor, generate, greedy, push_sequence};
use server_process::real_model;
use types::{StepInput, TokenId};

const OUTPUT_TOKENS: u32 = 24;

/// Token ids that make no sense but differ: `len` of them, from a linear congruence.
fn prompt(seed: u32, len: usize) -> Vec<TokenId> {
    (0..len as u32).map(|i| (seed * 7919 + i * 104_729 + i * i * 31) % 49_000).collect()
}

/// Lengths around block and chunk borders.
fn prompts() -> Vec<Vec<TokenId>> {
    [1, 15, 16, 17, 40, 70].iter().enumerate().map(|(i, len)| prompt(i as u32 + 1, *len)).collect()
}

async fn alone() -> Vec<Vec<TokenId>> {
    let engine = engine(&real_model(), Sizes::default());
    let mut outputs = Vec::new();
    for prompt in prompts() {
        outputs.extend(generate(&engine, vec![greedy(&prompt, OUTPUT_TOKENS)]).await);
    }
    outputs.into_iter().map(|output| output.tokens).collect()
}

async fn together(sizes: Sizes) -> (Vec<Vec<TokenId>>, u32) {
    let engine = engine(&real_model(), sizes);
    let requests = prompts().iter().map(|prompt| greedy(prompt, OUTPUT_TOKENS)).collect();
    let outputs = generate(&engine, requests).await;
    let num_preemptions = outputs.iter().map(|output| output.stats.num_preemptions).sum();
    (outputs.into_iter().map(|output| output.tokens).collect(), num_preemptions)
}

#[tokio::test]
async fn the_same_tokens_in_any_company() {
    let alone = alone().await;
    assert_eq!(alone, together(Sizes::default()).await.0, "batched");

    let chunked =
        Sizes { max_num_seqs: 8, max_num_batched_tokens: 8, num_threads: 1, ..Sizes::default() };
    assert_eq!(alone, together(chunked).await.0, "chunked to 8 tokens a step, on one thread");

    let scarce = Sizes { num_blocks: 12, max_model_len: 128, ..Sizes::default() };
    let (preempted, num_preemptions) = together(scarce).await;
    assert!(num_preemptions > 0, "twelve blocks must be too few for everybody");
    assert_eq!(alone, preempted, "preempted {num_preemptions} times");
}

#[tokio::test]
async fn the_same_tokens_on_a_prefix_hit() {
    let sizes = Sizes { prefix_caching: true, ..Sizes::default() };
    let engine = engine(&real_model(), sizes);
    let prompt = prompt(9, 70);
    let first = generate(&engine, vec![greedy(&prompt, OUTPUT_TOKENS)]).await.remove(0);
    assert_eq!(first.stats.num_cached_tokens, 0);
    let second = generate(&engine, vec![greedy(&prompt, OUTPUT_TOKENS)]).await.remove(0);
    assert_eq!(second.stats.num_cached_tokens, 64, "four full blocks of 16");
    assert_eq!(first.tokens, second.tokens);

    let mut other = greedy(&prompt, OUTPUT_TOKENS);
    other.cache_salt = types::CacheSalt(Some("another tenant".into()));
    let mut stream = engine.submit(vec![other]).unwrap().remove(0);
    let third = collect(&mut stream).await;
    assert_eq!(third.stats.num_cached_tokens, 0, "a salt separates tenants");
    assert_eq!(first.tokens, third.tokens);
}

/// Runs `tokens` through the model in chunks that end at `cuts`, with `company` beside each chunk,
/// and returns the logits of every position.
fn logits(
    sizes: Sizes,
    tokens: &[TokenId],
    cuts: &[usize],
    blocks: &[u32],
    company: &[TokenId],
) -> Vec<Vec<f32>> {
    let mut executor = executor(&real_model(), sizes);
    let mut rows = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([tokens.len()]) {
        let mut step = StepInput::default();
        if !company.is_empty() {
            push_sequence(&mut step, company, 0..company.len(), &[40, 41, 42], sizes.block_size);
        }
        push_sequence(&mut step, tokens, start..end, blocks, sizes.block_size);
        rows.extend(executor.logits(&step).unwrap().split_off(company.len()));
        start = end;
    }
    rows
}

#[test]
fn logits_are_bit_equal_in_any_company() {
    let sizes = Sizes { max_num_seqs: 64, ..Sizes::default() };
    let tokens = prompt(3, 37);
    let whole = logits(sizes, &tokens, &[], &[0, 1, 2], &[]);
    let bits = |rows: &[Vec<f32>]| -> Vec<Vec<u32>> {
        rows.iter().map(|row| row.iter().map(|x| x.to_bits()).collect()).collect()
    };
    let expected = bits(&whole);
    let one_by_one: Vec<usize> = (1..tokens.len()).collect();
    let company = prompt(5, 19);
    let check = |what: &str, sizes, cuts: &[usize], blocks: &[u32], company: &[TokenId]| {
        let found = logits(sizes, &tokens, cuts, blocks, company);
        assert!(bits(&found) == expected, "{what}");
    };
    check("in other blocks", sizes, &[], &[9, 5, 7], &[]);
    check("in chunks", sizes, &[1, 16, 21], &[0, 1, 2], &[]);
    check("token by token, as decode does", sizes, &one_by_one, &[3, 2, 8], &[]);
    check("beside another sequence", sizes, &[16], &[0, 1, 2], &company);
    check("on one thread", Sizes { num_threads: 1, ..sizes }, &[20], &[0, 1, 2], &company);
}
