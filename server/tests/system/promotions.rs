//! The server killed in the middle of a promotion: the champion goes on being served, and the same command completes it.

use serde_json::json;
use store::testkit::{Cut, RegistryCuts};
use store::{Alias, Cause, Home, Stage, ways};

use crate::harness::{Server, exchange, http, publish, publish_champion};

/// Statements that pass before the kill: each kill is in the middle of another transaction, of which a promotion has four.
const STATEMENTS: [usize; 4] = [0, 2, 4, 6];

/// Asks for a promotion that hangs after so many statements, and kills the server then.
async fn killed_in_the_middle(server: Server, home: &Home, body: &str, passing: usize) {
    let mut cuts = RegistryCuts::after(&home.folder().join("klinecast.db"), passing, Cut::Hang);
    let request = http().post(format!("{}/models/promote", server.http)).body(body.to_owned());
    let asking = tokio::spawn(request.send());
    let (hangs, cuts, asking) = tokio::task::spawn_blocking(move || {
        let hangs = cuts.hangs(|| asking.is_finished());
        (hangs, cuts, asking)
    })
    .await
    .expect("no panic");
    drop(server);
    let answer = asking.await.expect("no panic");
    assert!(hangs, "the promotion ended after {passing} statements: {answer:?}");
    assert!(answer.is_err(), "a killed server answers nothing");
    drop(cuts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_a_promotion_serves_the_champion_and_the_same_again_completes_it() {
    let exchange = exchange().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (_, first) = publish_champion(folder.path(), 1);
    let (new, second) = publish(folder.path(), 2);
    let (third, _) = publish(folder.path(), 3);
    let home = Home::open(folder.path()).expect("it opens");
    let registry = home.registry();
    for (stage, passing) in
        [Stage::Staging, Stage::Production].into_iter().flat_map(|stage| STATEMENTS.map(|n| (stage, n)))
    {
        // The champion is the first, and another is in staging.
        store::promote(registry, 1, Stage::Production, 1).expect("promoted");
        store::promote(registry, new, Stage::None, 2).expect("taken back");
        store::stage(registry, third, "to be watched", 3).expect("staged");
        let server = Server::start(&exchange, folder.path()).await;
        server.answers_by(first).await;
        let body = json!({ "version": new, "stage": stage }).to_string();
        killed_in_the_middle(server, &home, &body, passing).await;

        let champion = registry.champion().expect("readable").expect("a champion");
        assert_eq!((champion.version, champion.bundle), (1, first), "{stage}, killed after {passing}");
        let server = Server::start(&exchange, folder.path()).await;
        server.answers_by(first).await;
        let (status, model) = server.post("/models/promote", &body).await;
        assert_eq!((status, &model["stage"]), (200, &json!(stage)), "{model}");
        server.answers_by(if stage == Stage::Production { second } else { first }).await;

        let versions = registry.versions().expect("readable");
        let there = |alias| versions.iter().find(|model| model.aliases.contains(&alias));
        let (alias, gone) =
            if stage == Stage::Production { (Alias::Champion, 1) } else { (Alias::Challenger, third) };
        assert_eq!(there(alias).map(|model| (model.version, model.stage)), Some((new, stage)));
        let gone = versions.iter().find(|model| model.version == gone).map(|model| model.stage);
        assert_eq!(gone, Some(Stage::Archived), "{stage}, killed after {passing}");
        let all = ways(registry).expect("readable");
        let last = all.iter().find(|(model, _)| model.version == new).and_then(|(_, steps)| steps.last());
        assert_eq!(last.map(|step| (step.stage, step.cause)), Some((stage, Some(Cause::Command))));
    }
}
