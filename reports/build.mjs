// Builds the report as `allure generate` does, and puts into it what the quality gate says, which Allure itself
// does only for tests that it has started. It runs in the folder of reports; its argument is that of the results.

import { AllureReport, readConfig } from "@allurereport/core";
import { devNull } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { expired } from "./known-issues.mjs";
import { gateResults } from "./verdict-gate.mjs";

const CONFIG = join(dirname(fileURLToPath(import.meta.url)), "allurerc.mjs");

// Allure would put into the report what git and a build server say of themselves: addresses, at times with a password
// or a token in them. What is meant for the report is in executor.json.
const NEEDED = ["PATH", "HOME", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"];
Object.keys(process.env)
  .filter((name) => !NEEDED.includes(name.toUpperCase()))
  .forEach((name) => delete process.env[name]);
process.env.GIT_DIR = devNull;

try {
  const report = new AllureReport(await readConfig(process.cwd(), CONFIG));
  await report.start();
  await report.readDirectory(process.argv[2]);
  const attempts = await report.store.allTestResults({ includeRetries: true });
  attempts.sort((one, other) => (one.start ?? 0) - (other.start ?? 0));
  report.realtimeDispatcher.sendQualityGateResults(gateResults(attempts));
  await report.done();
  expired().forEach((line) => console.log(line));
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
