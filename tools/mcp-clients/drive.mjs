// Drives a store through one of the official TypeScript clients:
//
//   node drive.mjs sdk|client|newest http URL
//   node drive.mjs sdk|client|newest stdio COMMAND ARGUMENT...
//
// "newest" is the client that does not begin with the handshake of 2025 but with
// what took its place; "client" is the same package with the handshake.
//
// Each line of standard input is a call, {"method": ..., "params": ...}; each line
// of standard output is its result, or {"failure": message}. A call with "progress"
// set asks for progress, which its result has under "progress". The first line says
// who answers and which version of the protocol was agreed on.
import { createInterface } from "node:readline";

const packages = {
  sdk: async () => ({
    ...(await import("@modelcontextprotocol/sdk/client/index.js")),
    ...(await import("@modelcontextprotocol/sdk/client/streamableHttp.js")),
    ...(await import("@modelcontextprotocol/sdk/client/stdio.js")),
  }),
  client: async () => ({
    ...(await import("@modelcontextprotocol/client")),
    ...(await import("@modelcontextprotocol/client/stdio")),
  }),
};

const [library, way, target, ...args] = process.argv.slice(2);
const newest = library === "newest";
const { Client, StreamableHTTPClientTransport, StdioClientTransport } = await packages[newest ? "client" : library]();

const transport =
  way === "http"
    ? new StreamableHTTPClientTransport(new URL(target))
    : new StdioClientTransport({ command: target, args, env: process.env, stderr: "inherit" });
const options = newest ? { versionNegotiation: { mode: { pin: "2026-07-28" } } } : {};
const client = new Client({ name: `typescript-${library}`, version: "1.0.0" }, options);

const methods = {
  "tools/list": () => client.listTools(),
  "tools/call": (params, options) => (library === "sdk" ? client.callTool(params, undefined, options) : client.callTool(params, options)),
  "resources/read": (params) => client.readResource(params),
  "resources/templates": () => client.listResourceTemplates(),
  "prompts/get": (params) => client.getPrompt(params),
  "completion": (params) => client.complete(params),
};

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");

await client.connect(transport);
const version = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion;
say({ server: client.getServerVersion(), instructions: client.getInstructions(), version });
for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line);
  const progress = [];
  const options = call.progress ? { onprogress: (told) => progress.push(told) } : undefined;
  try {
    const result = await methods[call.method](call.params, options);
    say(call.progress ? { ...result, progress } : result);
  } catch (error) {
    say({ failure: String(error.message) });
  }
}
await client.close();
