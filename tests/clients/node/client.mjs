// What the official OpenAI client for Node makes of a server: asks it, prints one JSON object.
// usage: node client.mjs BASE_URL QUESTION

import OpenAI, { APIError } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: process.argv[3] }];
const chat = { model: "any", messages, temperature: 0, max_tokens: 24 };

const models = await client.models.list();
const whole = await client.chat.completions.create(chat);

let streamed = "";
let usage = null;
for await (const chunk of await client.chat.completions.create({
  ...chat,
  stream: true,
  stream_options: { include_usage: true },
})) {
  streamed += chunk.choices[0]?.delta.content ?? "";
  usage = chunk.usage ?? usage;
}

const accumulated = await client.chat.completions.stream(chat).finalChatCompletion();

const parameters = {
  type: "object",
  properties: { city: { enum: ["Oslo", "Paris"] } },
  required: ["city"],
  additionalProperties: false,
};
const tools = [{ type: "function", function: { name: "weather", parameters } }];
const forced = {
  ...chat,
  tools,
  tool_choice: "required",
  parallel_tool_calls: false,
  max_tokens: 64,
  // the model is not sure of the city: computed otherwise, it may name the other one
  cache_prompt: false,
};
const called = (await client.chat.completions.create(forced)).choices[0];
const calledInPieces = await client.chat.completions.stream(forced).finalChatCompletion();
const told = { role: "tool", tool_call_id: called.message.tool_calls[0].id, content: "12 degrees" };
const answered = await client.chat.completions.create({
  ...chat,
  messages: [...messages, called.message, told],
  tools,
  tool_choice: "none",
});

const City = z.object({ name: z.enum(["Oslo", "Paris"]), isCapital: z.boolean() });
const parsed = await client.chat.completions.parse({
  ...chat,
  max_tokens: 64,
  response_format: zodResponseFormat(City, "city"),
});

// there is no method for it
const counted = await client.post("/chat/completions/input_tokens", { body: { messages } });

const completion = await client.completions.create({
  model: "any",
  prompt: "The capital of France is",
  temperature: 0,
  max_tokens: 8,
});

const left = await client.chat.completions.create({ ...chat, max_tokens: 10_000, stream: true });
for await (const chunk of left) {
  if (chunk.choices[0]?.delta.content) break; // which closes the connection
}

const refused = await client.chat.completions.create({ ...chat, top_k: "many" }).catch((error) => error);

console.log(
  JSON.stringify({
    models: models.data.map((model) => model.id),
    whole: whole.choices[0].message.content,
    streamed,
    accumulated: accumulated.choices[0].message.content,
    usage,
    counted: counted.input_tokens,
    called: { reason: called.finish_reason, ...called.message.tool_calls[0].function },
    calledInPieces: calledInPieces.choices[0].message.tool_calls[0].function,
    answered: answered.choices[0].message.content,
    parsed: parsed.choices[0].message.parsed,
    completion: completion.choices[0].text,
    refused: { isAPIError: refused instanceof APIError, status: refused.status, message: refused.message },
  }),
);
