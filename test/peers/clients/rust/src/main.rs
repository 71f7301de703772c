//! Exercises a NATS server with the official Rust client; see ../README.md.
use std::env::var;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use futures_util::StreamExt;
use serde_json::{json, Value};
use tokio::time::{sleep, timeout, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;
const PATIENCE: Duration = Duration::from_secs(20);

async fn dial_with(mut options: ConnectOptions) -> Result<Client, Failure> {
    if let Ok(ca) = var("NATS_CA") {
        options = options.add_root_certificates(ca.into()).require_tls(true);
    }
    if let (Ok(certificate), Ok(key)) = (var("NATS_CERT"), var("NATS_KEY")) {
        options = options.add_client_certificate(certificate.into(), key.into());
    }
    if let Ok(token) = var("NATS_TOKEN") {
        options = options.token(token);
    }
    if let (Ok(user), Ok(password)) = (var("NATS_USER"), var("NATS_PASSWORD")) {
        options = options.user_and_password(user, password);
    }
    if let Ok(path) = var("NATS_SEED") {
        options = options.nkey(std::fs::read_to_string(path)?.trim().to_string());
    }
    let options = options
        .connection_timeout(PATIENCE)
        .reconnect_delay_callback(|_| Duration::from_millis(50));
    Ok(options.connect(var("NATS_URL")?).await?)
}

async fn dial() -> Result<Client, Failure> {
    dial_with(ConnectOptions::new()).await
}

async fn until(done: impl Fn() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end && !done() {
        sleep(Duration::from_millis(5)).await;
    }
    done()
}

/// A round trip: this client's own flush writes bytes but awaits no PONG.
async fn settle(client: &Client) -> bool {
    match client.request("settle", "".into()).await {
        Ok(_) => false,
        Err(error) => error.kind() == async_nats::RequestErrorKind::NoResponders,
    }
}

async fn messages() -> Result<Value, Failure> {
    let (client, other) = (dial().await?, dial().await?);
    let mut star = client.subscribe("a.*.c").await?;
    let mut rest = client.subscribe("a.>").await?;
    let mut gone = client.subscribe("a.b.c").await?;
    gone.unsubscribe().await?;
    let mut big = client.subscribe("big").await?;
    settle(&client).await;
    let answering = client.clone();
    tokio::spawn(async move {
        while let Some(message) = big.next().await {
            if let Some(reply) = message.reply {
                let _ = answering.publish(reply, message.payload).await;
            }
        }
    });
    for subject in ["a.b.c", "a.b.d", "a.b", "b.b.c"] {
        other.publish(subject, "hi".into()).await?;
    }
    let answer = timeout(PATIENCE, other.request("big", vec![0; 500_000].into())).await??;
    let mut seen = vec![];
    let text = |prefix: &str, message: async_nats::Message| {
        format!("{prefix} {} {}", message.subject, String::from_utf8_lossy(&message.payload))
    };
    while let Ok(Some(message)) = timeout(Duration::from_millis(300), star.next()).await {
        seen.push(text("*", message));
    }
    while let Ok(Some(message)) = timeout(Duration::from_millis(300), rest.next()).await {
        seen.push(text(">", message));
    }
    while let Ok(Some(message)) = timeout(Duration::from_millis(300), gone.next()).await {
        seen.push(text("never", message));
    }
    seen.sort();
    Ok(json!({"seen": seen, "bytes": answer.payload.len()}))
}

async fn queue() -> Result<Value, Failure> {
    let client = dial().await?;
    let mut counts = vec![];
    for _ in 0..3 {
        let mut member = client.queue_subscribe("work", "workers".to_string()).await?;
        let count = Arc::new(AtomicUsize::new(0));
        counts.push(count.clone());
        tokio::spawn(async move {
            while member.next().await.is_some() {
                count.fetch_add(1, SeqCst);
            }
        });
    }
    for _ in 0..300 {
        client.publish("work", "".into()).await?;
    }
    settle(&client).await;
    let sum = || counts.iter().map(|count| count.load(SeqCst)).sum::<usize>();
    until(|| sum() >= 300).await;
    let served = counts.iter().filter(|count| count.load(SeqCst) > 0).count();
    Ok(json!({"total": sum(), "served": served}))
}

async fn request() -> Result<Value, Failure> {
    let client = dial().await?;
    let mut echo = client.subscribe("echo").await?;
    let answering = client.clone();
    tokio::spawn(async move {
        while let Some(message) = echo.next().await {
            let text = format!("re: {}", String::from_utf8_lossy(&message.payload));
            if let Some(reply) = message.reply {
                let _ = answering.publish(reply, text.into()).await;
            }
        }
    });
    client.flush().await?;
    let answer = timeout(PATIENCE, client.request("echo", "hi".into())).await??;
    let nobody = match client.request("nobody", "hi".into()).await {
        Ok(_) => false,
        Err(error) => error.kind() == async_nats::RequestErrorKind::NoResponders,
    };
    Ok(json!({"answer": String::from_utf8_lossy(&answer.payload), "nobody": nobody}))
}

async fn headers() -> Result<Value, Failure> {
    let client = dial().await?;
    let mut subscription = client.subscribe("h").await?;
    let mut sent = async_nats::HeaderMap::new();
    sent.append("X-Test", "one");
    sent.append("X-Test", "two");
    client.publish_with_headers("h", sent, "body".into()).await?;
    let message = timeout(PATIENCE, subscription.next()).await?.ok_or("no message")?;
    let received = message.headers.ok_or("no headers")?;
    let values: Vec<&str> = received.get_all("X-Test").map(|value| value.as_str()).collect();
    Ok(json!({"values": values}))
}

async fn drain() -> Result<Value, Failure> {
    let (client, other) = (dial().await?, dial().await?);
    let mut subscription = client.subscribe("d").await?;
    settle(&client).await;
    for _ in 0..1000 {
        other.publish("d", "x".into()).await?;
    }
    settle(&other).await;
    // This client's drain does not wait for the broker: on a slow day it ends before what is under way has come.
    settle(&client).await;
    client.drain().await?;
    let mut seen = 0;
    while let Ok(Some(_)) = timeout(PATIENCE, subscription.next()).await {
        seen += 1;
    }
    Ok(json!({"seen": seen}))
}

async fn reconnect() -> Result<Value, Failure> {
    let connects = Arc::new(AtomicUsize::new(0));
    let counted = connects.clone();
    let options = ConnectOptions::new().event_callback(move |event| {
        let counted = counted.clone();
        async move {
            if matches!(event, Event::Connected) {
                counted.fetch_add(1, SeqCst);
            }
        }
    });
    let client = dial_with(options).await?;
    let mut subscription = client.subscribe("again").await?;
    settle(&client).await;
    until(|| connects.load(SeqCst) > 0).await;
    println!("{}", json!({"ready": true}));
    until(|| connects.load(SeqCst) > 1).await;
    let end = Instant::now() + PATIENCE;
    let mut back = false;
    while !back && Instant::now() < end {
        client.publish("again", "".into()).await?;
        back = timeout(Duration::from_millis(100), subscription.next()).await.is_ok();
    }
    Ok(json!({"back": back}))
}

async fn slow() -> Result<Value, Failure> {
    let noticed = Arc::new(AtomicBool::new(false));
    let noting = noticed.clone();
    let options = ConnectOptions::new().subscription_capacity(10).event_callback(move |event| {
        let noting = noting.clone();
        async move {
            if matches!(event, Event::SlowConsumer(_)) {
                noting.store(true, SeqCst);
            }
        }
    });
    let (client, other) = (dial_with(options).await?, dial().await?);
    let _subscription = client.subscribe("s").await?;
    settle(&client).await;
    for _ in 0..1000 {
        other.publish("s", "x".into()).await?;
    }
    other.flush().await?;
    until(|| noticed.load(SeqCst)).await;
    let alive = settle(&client).await;
    Ok(json!({"noticed": noticed.load(SeqCst), "alive": alive}))
}

async fn refused() -> Result<Value, Failure> {
    Ok(match dial().await {
        Ok(_) => json!({"refused": false, "message": ""}),
        Err(error) => json!({"refused": true, "message": error.to_string().to_lowercase()}),
    })
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let facts = match std::env::args().nth(1).as_deref() {
        Some("messages") => messages().await?,
        Some("queue") => queue().await?,
        Some("request") => request().await?,
        Some("headers") => headers().await?,
        Some("drain") => drain().await?,
        Some("reconnect") => reconnect().await?,
        Some("slow") => slow().await?,
        Some("refused") => refused().await?,
        other => return Err(format!("no scenario {other:?}").into()),
    };
    println!("{facts}");
    Ok(())
}
