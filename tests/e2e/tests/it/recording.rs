//! A recorded cluster in, notices out.

use prodrome_e2e::{Alertmanager, Setup, System, until};
use prodrome_model::NoticeKind;
use std::path::Path;

#[test]
fn a_recorded_fault_is_told_to_a_real_alertmanager_and_to_a_signed_webhook() {
    let alertmanager =
        Alertmanager::start("a_recorded_fault_is_told_to_a_real_alertmanager_and_to_a_signed_webhook")
            .unwrap();
    let mut setup =
        Setup::new(Path::new(env!("CARGO_BIN_EXE_bootstrap"))).playing(&["image-tag-missing"], 290);
    if let Some(alertmanager) = &alertmanager {
        setup = setup.alertmanager(alertmanager.url());
    }
    let system = System::start(&setup).unwrap();
    let notice = system.webhook.until("the alert", |told| told.first().cloned()).notice;
    assert_eq!((notice.kind, &*notice.rule), (NoticeKind::Alert, "PodImagePullFailing"));
    assert_eq!(notice.group.owner.to_string(), "Deployment image-tag-missing/app");
    assert_eq!(system.webhook.forged(), Vec::<String>::new());
    if let Some(alertmanager) = &alertmanager {
        let alert = until("the alert at the Alertmanager", || alertmanager.alerts().ok()?.into_iter().next());
        assert_eq!(alert["labels"]["alertname"], "PodImagePullFailing");
        assert_eq!(alert["labels"]["fingerprint"], notice.fingerprint.as_str());
        assert_eq!(alert["labels"]["namespace"], "image-tag-missing");
        assert_eq!(alert["status"]["state"], "active");
    }

    // What a benchmark asks.
    system.stop_watcher().unwrap();
    for function in ["evaluate", "sweep", "diagnose", "alert", "plugin-image-pull"] {
        let cold = system.cold_start(function).unwrap();
        println!("cold start of {function}: {} ms", cold.as_millis());
    }
}
