//! The client of the official Rust SDK: `rmcp-client auto|legacy`, which takes commands as clients/loop.mjs says.
use std::{collections::HashMap, process::Stdio, str::FromStr, sync::Arc, time::Duration};

use axum::http::{HeaderName, HeaderValue};
use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt, ErrorData, RoleClient,
    model::{
        CallToolRequestParams, ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
        Implementation, ProgressNotificationParam, ProtocolVersion, ServerNotification, SubscriptionFilter,
    },
    service::{NotificationContext, RequestContext, RunningService, ServiceError},
    transport::{
        StreamableHttpClientTransport, TokioChildProcess,
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    process::Command,
    sync::{Mutex, Notify},
    time::timeout,
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// What the client is told between its commands, and whoever waits for progress.
#[derive(Clone, Default)]
struct Person {
    progress: Arc<Notify>,
}

fn print(message: Value) {
    println!("{message}");
}

impl ClientHandler for Person {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder().enable_elicitation().build();
        ClientConfig::new(capabilities, Implementation::new("matrix", "1.0.0"))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        print(json!({ "event": "elicitation", "params": request }));
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(json!({ "name": "Ada" })))
    }

    async fn on_progress(&self, told: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        print(json!({ "event": "progress", "progress": told.progress }));
        self.progress.notify_waiters();
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        print(json!({ "event": "list_changed" }));
    }
}

type Connection = RunningService<RoleClient, Person>;

fn failed(error: ServiceError) -> Value {
    match error {
        ServiceError::McpError(told) => json!({ "code": told.code.0, "message": told.message }),
        other => json!({ "code": null, "message": other.to_string() }),
    }
}

fn said(error: impl std::fmt::Display) -> Value {
    json!({ "code": null, "message": error.to_string() })
}

fn lifecycle() -> ClientLifecycleMode {
    match std::env::args().nth(1).as_deref() {
        Some("auto") => ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: Some(ProtocolVersion::V_2025_11_25),
        },
        _ => ClientLifecycleMode::Initialize,
    }
}

fn headers_of(target: &Value) -> HashMap<HeaderName, HeaderValue> {
    let given = target["headers"].as_object().cloned().unwrap_or_default();
    given
        .iter()
        .filter_map(|(name, value)| {
            Some((HeaderName::from_str(name).ok()?, HeaderValue::from_str(value.as_str()?).ok()?))
        })
        .collect()
}

fn texts_of(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

async fn open(target: &Value) -> Result<Connection, Value> {
    let person = Person::default();
    if let Some(command) = target["command"].as_str() {
        let mut program = Command::new(command);
        program.args(texts_of(&target["args"]));
        for (name, value) in target["env"].as_object().into_iter().flatten() {
            program.env(name, value.as_str().unwrap_or_default());
        }
        let (transport, _) = TokioChildProcess::builder(program).stderr(Stdio::null()).spawn().map_err(said)?;
        return person.serve_with_lifecycle(transport, lifecycle()).await.map_err(said);
    }
    let url = target["url"].as_str().unwrap_or_default();
    let config = StreamableHttpClientTransportConfig::with_uri(url).custom_headers(headers_of(target));
    let transport = StreamableHttpClientTransport::from_config(config);
    person.serve_with_lifecycle(transport, lifecycle()).await.map_err(said)
}

/// Clients of 2026-07-28 hear of changes on a subscription of their own.
async fn listen(connection: Arc<Connection>) {
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    let Ok(mut subscription) = connection.listen(filter).await else { return };
    while let Ok(Some(told)) = subscription.next().await {
        if let ServerNotification::ToolListChangedNotification(_) = told {
            print(json!({ "event": "list_changed" }));
        }
    }
}

async fn connect(target: &Value, current: &Mutex<Option<Arc<Connection>>>) -> Result<Value, Value> {
    let connection = Arc::new(open(target).await?);
    let about = connection.peer_info().ok_or_else(|| said("nothing is known of the server"))?;
    if about.protocol_version == ProtocolVersion::V_2026_07_28 {
        tokio::spawn(listen(connection.clone()));
    }
    *current.lock().await = Some(connection);
    Ok(json!({
        "revision": about.protocol_version,
        "server": about.server_info.as_ref().map(|own| own.name.clone()),
        "capabilities": about.capabilities,
    }))
}

async fn call(connection: &Connection, command: &Value) -> Result<Value, Value> {
    let arguments: Map<String, Value> = command["args"].as_object().cloned().unwrap_or_default();
    let name = command["name"].as_str().unwrap_or_default().to_owned();
    let ends = connection.service().progress.notified();
    let asked = connection.call_tool(CallToolRequestParams::new(name).with_arguments(arguments));
    let result = if command["cancelOnProgress"] == true {
        tokio::select! {
            result = asked => result,
            () = ends => return Err(said("cancelled")),
        }
    } else {
        timeout(TIMEOUT, asked).await.map_err(said)?
    };
    Ok(json!(result.map_err(failed)?))
}

async fn carry_out(command: &Value, current: &Mutex<Option<Arc<Connection>>>) -> Result<Value, Value> {
    if command["do"] == "connect" {
        return connect(command, current).await;
    }
    let connection = current.lock().await.clone().ok_or_else(|| said("not connected"))?;
    match command["do"].as_str() {
        Some("list") => {
            Ok(json!(timeout(TIMEOUT, connection.peer().list_all_tools()).await.map_err(said)?.map_err(failed)?))
        }
        Some("call") => call(&connection, command).await,
        _ => {
            connection.cancellation_token().cancel();
            *current.lock().await = None;
            Ok(json!({}))
        }
    }
}

#[tokio::main]
async fn main() {
    let current: Arc<Mutex<Option<Arc<Connection>>>> = Arc::default();
    let mut lines = BufReader::new(stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(command) = serde_json::from_str::<Value>(&line) else { continue };
        let current = current.clone();
        tokio::spawn(async move {
            match carry_out(&command, &current).await {
                Ok(done) => print(json!({ "id": command["id"], "ok": done })),
                Err(failure) => print(json!({ "id": command["id"], "failed": failure })),
            }
        });
    }
}
