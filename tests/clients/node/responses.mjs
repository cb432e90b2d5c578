// What the official OpenAI client for Node makes of /v1/responses: asks it, prints one JSON object.
// usage: node responses.mjs BASE_URL QUESTION

import OpenAI, { APIError } from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const asked = { model: "any", input: process.argv[3], temperature: 0 };
const short = { ...asked, max_output_tokens: 64 };
const properties = { city: { enum: ["Oslo", "Paris"] } };
const schema = (fields) => ({
  type: "object",
  properties: fields,
  required: Object.keys(fields),
  additionalProperties: false,
});
const tools = [{ type: "function", name: "weather", strict: true, parameters: schema(properties) }];

const whole = await client.responses.create({ ...asked, max_output_tokens: 200 });
const stream = client.responses.stream({ ...asked, max_output_tokens: 200 });
let streamed = "";
for await (const event of stream) {
  if (event.type === "response.output_text.delta") streamed += event.delta;
}
const final = await stream.finalResponse();

const called = await client.responses.create({
  ...short,
  tools,
  tool_choice: "required",
  parallel_tool_calls: false,
});
const call = called.output.find((item) => item.type === "function_call");
const told = await client.responses.create({
  ...short,
  previous_response_id: called.id,
  input: [{ type: "function_call_output", call_id: call.call_id, output: "12 degrees" }],
});

const City = z.object({ name: z.enum(["Oslo", "Paris"]) });
const format = zodTextFormat(City, "city");
const parsed = await client.responses.parse({ ...short, text: { format } });
const counted = await client.responses.inputTokens.count({ model: "any", input: asked.input });

const left = await client.responses.create({ ...asked, stream: true, ignore_eos: true });
for await (const event of left) {
  if (event.type === "response.output_text.delta") break; // which closes the connection
}

const begun = await client.responses.create({ model: "any", input: "Count.", background: true, ignore_eos: true });
const cancelled = await client.responses.cancel(begun.id);

const refused = await client.responses.create({ ...asked, max_output_tokens: 0 }).catch((error) => error);
const missing = await client.responses.retrieve("resp_no").catch((error) => error);

console.log(
  JSON.stringify({
    whole: whole.output_text,
    streamed,
    accumulated: final.output.flatMap((item) => item.content.map((part) => part.text)).join(""),
    usage: whole.usage,
    call,
    told: told.output_text,
    cached: told.usage.input_tokens_details.cached_tokens,
    parsed: parsed.output_parsed,
    counted: counted.input_tokens,
    cancelled: cancelled.status,
    refused: { isAPIError: refused instanceof APIError, status: refused.status, param: refused.param },
    missing: missing.status,
  }),
);
