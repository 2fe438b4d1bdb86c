//! Panics of the engine's own threads: every stream ends, and health says that the engine is dead.

use super::*;

/// What is left to tell clients and probes once a thread has panicked.
async fn dies_without_a_finish(engine: &EngineHandle, streams: &mut [RequestStream], cause: &str) {
    for stream in streams {
        assert_eq!(read(stream).await.1, None, "it ends, and nobody knows how it would have");
    }
    let dead = EngineState::Dead(Arc::from(cause));
    assert_eq!(engine.health().state, dead, "told before the streams end");
    let refused = engine.submit(vec![request(1, 1, 1)]).err();
    assert_eq!(refused, Some(SubmitError::Dead(Arc::from(cause))));
    tokio::time::timeout(WAIT, engine.drained()).await.expect("nothing is open");
}

#[tokio::test]
async fn an_engine_thread_that_panics_outside_a_step_is_dead() {
    let executor = Scripted { panics_when_counted: true, ..Scripted::new(Box::new(|_| Ok(())), 8) };
    let engine = start_observed(executor, Box::new(Counting::default()));
    let mut streams = engine.submit(vec![request(10, 2, 60), request(20, 2, 60)]).unwrap();
    dies_without_a_finish(&engine, &mut streams, "the engine thread panicked").await;
}

#[tokio::test]
async fn an_engine_thread_that_panics_while_draining_is_dead() {
    let (script, go) = gated();
    let executor = Scripted { panics_when_counted: true, ..Scripted::new(script, 8) };
    let engine = start_observed(executor, Box::new(Counting::default()));
    let mut streams = vec![submit(&engine, request(10, 2, 60))];
    engine.begin_drain();
    drop(go);
    dies_without_a_finish(&engine, &mut streams, "the engine thread panicked").await;
}

/// Panics at the first token.
struct Panicking;

impl EngineObserver for Panicking {
    fn on_step(&mut self, _: &StepReport) {}
    fn on_token(&mut self, _: TokenTiming) {
        panic!("planted panic");
    }
    fn on_finish(&mut self, _: &FinishReason, _: &RequestStats) {}
}

/// Also the engine thread ends, which has nobody left to talk to: its executor is dropped.
#[tokio::test]
async fn a_dispatcher_that_panics_takes_the_engine_with_it() {
    let executor_lives = Arc::new(());
    let script: Script = Box::new({
        let executor_lives = executor_lives.clone();
        move |_| {
            assert!(Arc::strong_count(&executor_lives) > 0);
            Ok(())
        }
    });
    let engine = start_observed(Scripted::new(script, 8), Box::new(Panicking));
    let mut streams = engine.submit(vec![request(10, 2, 60), request(20, 2, 60)]).unwrap();
    dies_without_a_finish(&engine, &mut streams, "the dispatcher panicked").await;
    eventually("the engine thread ends", || Arc::strong_count(&executor_lives) == 1).await;
}
