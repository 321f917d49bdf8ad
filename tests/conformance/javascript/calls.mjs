// Makes calls with the AWS SDK for JavaScript and prints what came of each, for test_javascript_sdk.py.
//
// Standard input: {"endpoint", "region", "accessKeyId", "secretAccessKey", "calls": [...]}.
// A call is {"operation": "StartHumanLoop", "input": {...}}, or {"paginate": 2, "input": {...}} for all pages of
// ListHumanLoops with two loops each.
// Standard output: a list with, for each call, {"output"}, {"pages"} or {"error"}.

import { text } from "node:stream/consumers";
import * as sdk from "@aws-sdk/client-sagemaker-a2i-runtime";

const TIMES = ["CreationTimeAfter", "CreationTimeBefore"];

function withDates(input) {
  const dated = TIMES.filter((name) => name in input).map((name) => [name, new Date(input[name])]);
  return { ...input, ...Object.fromEntries(dated) };
}

async function send(client, { operation, input }) {
  const { $metadata, ...output } = await client.send(new sdk[`${operation}Command`](withDates(input)));
  return { output, metadata: $metadata };
}

async function readPages(client, { paginate, input }) {
  const pages = [];
  for await (const page of sdk.paginateListHumanLoops({ client, pageSize: paginate }, withDates(input))) {
    pages.push(page.HumanLoopSummaries);
  }
  return { pages };
}

function describe(error) {
  const classes = Object.entries(sdk).filter(([, value]) => typeof value === "function" && error instanceof value);
  return {
    error: {
      name: error.name,
      classes: classes.map(([name]) => name),
      message: error.message,
      fault: error.$fault,
      metadata: error.$metadata,
    },
  };
}

const { endpoint, region, accessKeyId, secretAccessKey, calls } = JSON.parse(await text(process.stdin));
const client = new sdk.SageMakerA2IRuntimeClient({
  endpoint,
  region,
  credentials: { accessKeyId, secretAccessKey },
  maxAttempts: 1,
});
const outcomes = [];
for (const call of calls) {
  try {
    outcomes.push(await ("paginate" in call ? readPages(client, call) : send(client, call)));
  } catch (error) {
    outcomes.push(describe(error));
  }
}
console.log(JSON.stringify(outcomes));
