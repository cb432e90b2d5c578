// What Anthropic's official client for Node makes of a server: asks it, prints one JSON object.
// usage: node anthropic.mjs ADDRESS QUESTION

import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";

const client = new Anthropic({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: process.argv[3] }];
const greedy = { model: "any", temperature: 0, cache_prompt: false };
const chat = { ...greedy, messages, max_tokens: 16 };
const schema = {
  type: "object",
  // of free text the whole and the streamed answer could part at a near tie: other requests lie elsewhere in the cells by then
  properties: { city: { enum: ["Oslo", "Paris"] } },
  required: ["city"],
  additionalProperties: false,
};
const forced = {
  ...greedy,
  messages,
  max_tokens: 96,
  tools: [{ name: "weather", input_schema: schema }],
  tool_choice: { type: "tool", name: "weather", disable_parallel_tool_use: true },
};

const withoutIds = (message) => ({
  ...message,
  id: "",
  content: message.content.map((block) => ({ ...block, id: "" })),
});

async function twice(ask) {
  const whole = await client.messages.create(ask);
  const streamed = await client.messages.stream(ask).finalMessage();
  return { whole: withoutIds(whole), streamed: withoutIds(streamed), call: whole.content.at(-1) };
}

const answer = await twice(chat);
const called = await twice(forced);

const result = { type: "tool_result", tool_use_id: called.call.id, content: "clear" };
const answered = await client.messages.create({
  ...forced,
  max_tokens: 8,
  tool_choice: { type: "none" },
  messages: [
    ...messages,
    { role: "assistant", content: [called.call] },
    { role: "user", content: [result] },
  ],
});

const parsed = await client.messages.parse({
  ...chat,
  max_tokens: 64,
  output_config: { format: jsonSchemaOutputFormat(schema) },
});

const listed = [];
for await (const model of client.models.list()) listed.push(model);
const retrieved = await client.models.retrieve(listed[0].id);

const counted = await client.messages.countTokens({ model: "any", messages });

const left = client.messages.stream({ ...chat, max_tokens: 4000, ignore_eos: true });
for await (const event of left) {
  if (event.type === "content_block_delta") break; // which closes the connection
}

const refused = await client.messages.create({ ...chat, messages: [] }).catch((error) => error);

console.log(
  JSON.stringify({
    answer,
    called,
    answered: answered.content.map((block) => block.type),
    parsed: parsed.parsed_output,
    counted,
    listed,
    retrieved,
    refused: {
      isAPIError: refused instanceof APIError,
      status: refused.status,
      type: refused.error?.error?.type,
      requestID: refused.requestID,
    },
  }),
);
