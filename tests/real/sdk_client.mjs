// A client on the official TypeScript SDK. Arguments: the folder of the SDK, the server, how the revision is found, and an agent that
// keeps running. It prints what it saw as one JSON object.
const [sdk, server, mode, agent] = process.argv.slice(2);
const { Client } = await import(`${sdk}/dist/index.mjs`);
const { StdioClientTransport } = await import(`${sdk}/dist/stdio.mjs`);

const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
const transport = new StdioClientTransport({
	command: server,
	args: ['--write=spawn'],
	env: process.env,
});
const text = (result) => result.content[0].text;
const seen = {};
await client.connect(transport);
seen.revision = client.getNegotiatedProtocolVersion();
seen.server = client.getServerVersion()?.name;
seen.tools = (await client.listTools()).tools.map((tool) => tool.name);
seen.status = text(await client.callTool({ name: 'agents_status', arguments: {} }));
const failed = await client.callTool({ name: 'agents_log', arguments: { agent: 'nosuch' } });
seen.failed = { isError: failed.isError, text: text(failed) };
seen.unknown = await client.callTool({ name: 'nosuch', arguments: {} }).then(
	() => 'an answer',
	(error) => error.code,
);
// A wait that is given up: the server stays usable.
const gone = new AbortController();
const wait = client.callTool(
	{ name: 'agents_wait', arguments: { agents: [agent] } },
	{ signal: gone.signal },
);
await client.callTool({ name: 'agents_status', arguments: {} });
gone.abort('the person pressed Escape');
seen.cancelled = await wait.then(
	() => 'an answer',
	() => 'no answer',
);
const signs = [];
const looks = { name: 'agents_wait', arguments: { agents: [agent], seconds: 6 } };
seen.waited = text(await client.callTool(looks, { onprogress: (sign) => signs.push(sign.progress) }));
seen.signs = signs;
// The end of the input ends the server.
await client.close();
console.log(JSON.stringify(seen));
