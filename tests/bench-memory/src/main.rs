//! `reflector typed|dynamic`: a reflector of all pods as kube's documentation has it, to be measured beside the watcher.
//! Says on a line how many it holds after the list, and by which version, and goes on.

use anyhow::{Result, bail};
use futures::{StreamExt as _, future};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{Lookup, reflector};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::hash::Hash;

const LOCK: &str = include_str!("../Cargo.lock");

#[tokio::main]
async fn main() -> Result<()> {
    let client = Client::try_default().await?;
    match std::env::args().nth(1).as_deref() {
        Some("typed") => reflect(Api::<Pod>::all(client), Writer::default()).await,
        Some("dynamic") => {
            let pods = ApiResource::erase::<Pod>(&());
            reflect(Api::<DynamicObject>::all_with(client, &pods), Writer::new(pods)).await
        }
        _ => bail!("usage: reflector typed|dynamic"),
    }
}

async fn reflect<K>(api: Api<K>, writer: Writer<K>) -> Result<()>
where
    K: Resource
        + Lookup<DynamicType = <K as Resource>::DynamicType>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + Sync
        + 'static,
    <K as Resource>::DynamicType: Eq + Hash + Clone + Send + Sync,
{
    let store = writer.as_reader();
    let pods =
        reflector(writer, watcher(api, watcher::Config::default())).default_backoff().applied_objects();
    let reading = tokio::spawn(pods.for_each(|pod| {
        if let Err(error) = pod {
            eprintln!("reflector: {error}");
        }
        future::ready(())
    }));
    store.wait_until_ready().await?;
    let version =
        LOCK.split_once("name = \"kube-runtime\"\nversion = \"").and_then(|(_, rest)| rest.split('"').next());
    println!("{} pods in kube-runtime {}", store.len(), version.unwrap_or("?"));
    Ok(reading.await?)
}
