// The Vercel AI SDK: an answer, one with a tool, one as a stream. A JSON object a line says what to do.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { createInterface } from "node:readline";
import { z } from "zod";

globalThis.AI_SDK_LOG_WARNINGS = false;
const MODEL = "fake";
const models = {
  chat: (baseURL, apiKey) => createOpenAI({ baseURL, apiKey }).chat(MODEL),
  compatible: (baseURL, apiKey) => createOpenAICompatible({ name: "assay", baseURL, apiKey })(MODEL),
  responses: (baseURL, apiKey) => createOpenAI({ baseURL, apiKey }).responses(MODEL),
  messages: (baseURL, apiKey) => createAnthropic({ baseURL, apiKey })(MODEL),
};
const weather = tool({
  description: "Weather of a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `rain in ${city}`,
});

async function run({ address, key, wire, prompt, tool: used, stream }) {
  const asked = { model: models[wire](`${address}/v1`, key), prompt, stopWhen: stepCountIs(3) };
  if (used) asked.tools = { get_weather: weather };
  if (!stream) return (await generateText(asked)).text;
  let failed;
  const running = streamText({ ...asked, onError: ({ error }) => (failed = error) });
  await running.consumeStream();
  if (failed) throw failed;
  return await running.text;
}

function described(error) {
  const cause = error.lastError ?? error;
  return { class: cause.name, text: String(cause.message), status_code: cause.statusCode ?? null, causes: [] };
}

const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
say({ ready: ["run"] });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    say({ found: await run(JSON.parse(line)) });
  } catch (error) {
    say({ error: described(error) });
  }
}
