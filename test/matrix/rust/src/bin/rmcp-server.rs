//! A server on the official Rust SDK: `rmcp-server http|stdio [port]`, with the tools of servers/behaviour.mjs.
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ElicitRequest, ElicitRequestParams,
        Implementation, InputRequest, InputRequests, InputRequiredResult, ListToolsResult, PaginatedRequestParams,
        ProgressNotificationParam, ProtocolVersion, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
    },
    service::{RequestContext, SubscriptionContext},
    transport::{
        io::stdio,
        streamable_http_server::{
            StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
        },
    },
};
use serde_json::{Value, json};
use tokio::{sync::watch, time::sleep};

static CANCELLED: LazyLock<Mutex<HashMap<String, u32>>> = LazyLock::new(Mutex::default);
static HAS_GROWN: AtomicBool = AtomicBool::new(false);
static CHANGES: LazyLock<watch::Sender<u32>> = LazyLock::new(|| watch::Sender::new(0));

type Context = RequestContext<RoleServer>;

const TOOLS: [(&str, &[&str]); 9] = [
    ("echo", &["text"]),
    ("fail", &[]),
    ("denied", &[]),
    ("limited", &[]),
    ("steps", &[]),
    ("wait", &["key"]),
    ("cancelled", &["key"]),
    ("ask", &[]),
    ("grow", &[]),
];

fn tool(name: &'static str, names: &[&str]) -> Tool {
    let properties: Value = names.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    let schema = json!({ "type": "object", "properties": properties, "required": names });
    Tool::new(name, format!("The tool {name}"), schema.as_object().cloned().unwrap_or_default())
}

fn text(said: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(said.into())])
}

async fn progress(context: &Context, step: f64) {
    if let Some(token) = context.meta.get_progress_token() {
        let told = ProgressNotificationParam::new(token, step).with_total(3.0);
        let _ = context.peer.notify_progress(told).await;
    }
}

async fn steps(context: &Context) -> CallToolResult {
    for step in [1.0, 2.0, 3.0] {
        progress(context, step).await;
        sleep(Duration::from_millis(200)).await;
    }
    text("three steps")
}

async fn wait(context: &Context, key: &str) -> CallToolResult {
    progress(context, 1.0).await;
    tokio::select! {
        () = sleep(Duration::from_secs(30)) => {}
        () = context.ct.cancelled() => {
            *CANCELLED.lock().unwrap().entry(key.to_owned()).or_default() += 1;
        }
    }
    text("waited")
}

fn question() -> ElicitRequestParams {
    let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: "What is your name?".into(),
        requested_schema: serde_json::from_value(schema).expect("a schema"),
    }
}

fn answered(answer: &Value) -> CallToolResult {
    let part = |path: &str| answer.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    text(format!("{} {}", part("/action"), part("/content/name")))
}

/// A client of 2026-07-28 is asked by the result, an older one by a request.
async fn ask(request: &CallToolRequestParams, context: &Context) -> Result<CallToolResponse, ErrorData> {
    if let Some(answer) = request.input_responses.as_ref().and_then(|all| all.get("name")) {
        return Ok(answered(&json!(answer)).into());
    }
    if context.peer.supported_elicitation_modes().is_empty() {
        let mut asked = InputRequests::new();
        asked.insert("name".into(), InputRequest::Elicitation(ElicitRequest::new(question())));
        return Ok(InputRequiredResult::new(Some(asked), None).into());
    }
    let answer = context.peer.create_elicitation(question()).await;
    let answer = answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Ok(answered(&json!(answer)).into())
}

async fn grow(context: &Context) -> CallToolResult {
    HAS_GROWN.store(true, Ordering::SeqCst);
    CHANGES.send_modify(|count| *count += 1);
    // A client of 2026-07-28 hears of it by its subscription alone.
    if context.peer.peer_info().is_some_and(|client| client.protocol_version != ProtocolVersion::V_2026_07_28) {
        let _ = context.peer.notify_tool_list_changed().await;
    }
    text("grown")
}

#[derive(Clone)]
struct Server;

impl ServerHandler for Server {
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(&[ProtocolVersion::V_2026_07_28, ProtocolVersion::V_2025_11_25])
    }

    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
            .with_server_info(Implementation::new("rmcp", "1.0.0"))
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = CHANGES.subscribe();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                _ = changes.changed() => {
                    let _ = context.sink().notify_tool_list_changed().await;
                }
            }
        }
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut tools: Vec<Tool> = TOOLS.iter().map(|(name, names)| tool(name, names)).collect();
        if HAS_GROWN.load(Ordering::SeqCst) {
            tools.push(tool("grown", &[]));
        }
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        let given = |name: &str| {
            let value = request.arguments.as_ref().and_then(|all| all.get(name));
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let result = match request.name.as_ref() {
            "echo" => text(given("text")),
            "fail" => CallToolResult::error(vec![ContentBlock::text("this tool fails")]),
            "denied" | "limited" => text("done"),
            "steps" => steps(&context).await,
            "wait" => wait(&context, &given("key")).await,
            "cancelled" => text(CANCELLED.lock().unwrap().get(&given("key")).copied().unwrap_or(0).to_string()),
            "ask" => return ask(&request, &context).await,
            "grow" => grow(&context).await,
            "grown" => text("grown"),
            name => return Err(ErrorData::invalid_params(format!("Unknown tool: {name}"), None)),
        };
        Ok(result.into())
    }
}

#[tokio::main]
async fn main() {
    let mut given = std::env::args().skip(1);
    if given.next().as_deref() == Some("stdio") {
        let running = Server.serve(stdio()).await.expect("a client");
        running.waiting().await.expect("an end");
        return;
    }
    let port = given.next().unwrap_or_default();
    let service: StreamableHttpService<Server, LocalSessionManager> =
        StreamableHttpService::new(|| Ok(Server), Default::default(), StreamableHttpServerConfig::default());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("a free port");
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await.expect("a server");
}
