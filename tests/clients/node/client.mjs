// What the official OpenAI client for Node makes of a server: asks it, prints one JSON object.
// usage: node client.mjs BASE_URL

import OpenAI, { APIError } from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: "Who wrote Romeo and Juliet?" }];
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
    usage,
    completion: completion.choices[0].text,
    refused: { isAPIError: refused instanceof APIError, status: refused.status, message: refused.message },
  }),
);
