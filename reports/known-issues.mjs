// Promises that are known to be broken. `known-issues.json` in the folder of reports names each, with the reason
// and the day on which it counts again: what is known must neither raise the alarm every night nor be forgotten.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const FILE = "known-issues.json";
const PARTS = ["test", "says", "why", "until"];
const SPECIAL = /[.*+?^${}()|[\]\\]/g;

// allure-pytest's id of a test is the sum of its full name, and Allure's is the sum of that
const md5 = (text) => createHash("md5").update(text).digest("hex");
const wrong = (where, what) => new Error(`${FILE}: ${where}${what}: see reports/README.md for an example`);

// 2027-02-30 is taken for the second of March
const isDay = (text) => {
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(`${text}T`);
};

const checked = (issue, index) => {
  const where = `entry ${index + 1}`;
  if (typeof issue !== "object" || issue === null || Array.isArray(issue)) throw wrong(where, " is no object");
  for (const part of PARTS) {
    if (typeof issue[part] !== "string" || !issue[part].trim()) throw wrong(where, ` has no "${part}"`);
  }
  for (const part of Object.keys(issue)) {
    if (!PARTS.includes(part)) throw wrong(where, ` has "${part}", which nothing reads`);
  }
  if (!isDay(issue.until)) throw wrong(where, `'s "until" is no day such as 2027-01-31`);
  return issue;
};

const read = () => {
  let text;
  try {
    text = readFileSync(FILE, "utf-8");
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
  let issues;
  try {
    issues = JSON.parse(text);
  } catch {
    throw wrong("it", " is no JSON");
  }
  if (!Array.isArray(issues)) throw wrong("it", " is no list");
  return issues.map(checked);
};

const today = () => new Date().toISOString().slice(0, 10);

/** What Allure passes over today. Both must fit, the test and its words: what else it may fail of is news. */
export const resolutionRules = () =>
  read()
    .filter(({ until }) => until >= today())
    .map(({ test, says, why, until }) => ({
      resolution: "accepted",
      comment: `Known until ${until}: ${why}`,
      testCaseId: [md5(md5(test))],
      messageRegexp: says.replace(SPECIAL, "\\$&"),
    }));

/** A line for each entry whose day is over. */
export const expired = () =>
  read()
    .filter(({ until }) => until < today())
    .map(({ test, until }) => `known issues: ${test} was known until ${until}, and counts again`);
