// Drives a store through one of the official TypeScript clients:
//
//   node drive.mjs sdk|client http URL
//   node drive.mjs sdk|client stdio COMMAND ARGUMENT...
//
// Each line of standard input is a call, {"method": ..., "params": ...}; each line
// of standard output is its result, or {"failure": message}. The first line says
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
const { Client, StreamableHTTPClientTransport, StdioClientTransport } = await packages[library]();

const transport =
  way === "http"
    ? new StreamableHTTPClientTransport(new URL(target))
    : new StdioClientTransport({ command: target, args, env: process.env, stderr: "inherit" });
const client = new Client({ name: `typescript-${library}`, version: "1.0.0" });

const methods = {
  "tools/list": () => client.listTools(),
  "tools/call": (params) => client.callTool(params),
  "resources/read": (params) => client.readResource(params),
  "resources/templates": () => client.listResourceTemplates(),
  "prompts/get": (params) => client.getPrompt(params),
  "completion": (params) => client.complete(params),
};

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");

await client.connect(transport);
say({ server: client.getServerVersion(), instructions: client.getInstructions() });
for await (const line of createInterface({ input: process.stdin })) {
  const { method, params } = JSON.parse(line);
  try {
    say(await methods[method](params));
  } catch (error) {
    say({ failure: String(error.message) });
  }
}
await client.close();
