// The quality gate: what a run comes to, by our verdicts. A promise that the site broke and a measurement that
// could not be made are two rules, since what a person does next differs between them.

const byTest = ({ id, retryHash = id }) => retryHash;
const named = (attempts, suffix = () => "") =>
  [...new Set(attempts.map((attempt) => attempt.name + suffix(attempt)))].join("; ");

/** Says so where a test that failed has passed since: trying again does not mend a promise. */
const onRetry = (attempts) => {
  const passed = new Set(attempts.filter(({ isRetry, status }) => !isRetry && status === "passed").map(byTest));
  return (attempt) => (passed.has(byTest(attempt)) ? " (passed on retry)" : "");
};

/** Every attempt counts: a promise is broken if it was once. `resolution` tells what is known, by name. */
const everyPromiseKept = {
  rule: "every promise kept",
  judge: (attempts) => {
    const failed = attempts.filter(({ status }) => status === "failed");
    const known = failed.filter(({ resolution }) => resolution === "accepted");
    const broken = failed.filter((attempt) => !known.includes(attempt));
    const count = new Set(broken.map(byTest)).size;
    const said = broken.length
      ? `${count} ${count === 1 ? "promise" : "promises"} broken: ${named(broken, onRetry(attempts))}`
      : "no promise broken";
    return { missed: broken, actual: known.length ? `${said}. Known, and passed over: ${named(known)}` : said };
  },
};

/** The last attempt counts: what could be measured in the end was measured. */
const everythingMeasured = {
  rule: "everything measured",
  judge: (attempts) => {
    const last = attempts.filter(({ isRetry }) => !isRetry);
    const missed = last.filter(({ status }) => status === "broken" || status === "unknown");
    if (missed.length) return { missed, actual: `could not be measured: ${named(missed)}` };
    const judged = last.some(({ status }) => status === "passed" || status === "failed");
    return judged
      ? { missed, actual: "all that applies here was measured" }
      : { missed: last, actual: "could not be measured: nothing of what was asked for applies here" };
  },
};

const RULES = [everyPromiseKept, everythingMeasured];

const judged = ({ rule, judge }, attempts) => {
  const { missed, actual } = judge(attempts);
  const tests = new Set(missed.map(byTest));
  // the report has a place for the last attempt at a test, and tells of the others there
  const shown = attempts.filter((attempt) => !attempt.isRetry && tests.has(byTest(attempt))).map(({ id }) => id);
  return { rule, success: missed.length === 0, expected: true, actual, message: actual, testResults: shown };
};

/** What the gate says, as Allure keeps it, given every attempt at every test. */
export const gateResults = (attempts) => RULES.map((rule) => judged(rule, attempts));

/** The same rules for Allure's own `quality-gate`, which hands over the last attempts alone, without the known. */
export const qualityGate = {
  rules: [Object.fromEntries(RULES.map(({ rule }) => [rule, true]))],
  use: RULES.map((each) => ({
    rule: each.rule,
    message: ({ actual }) => actual,
    successMessage: ({ actual }) => actual,
    validate: async ({ trs }) => judged(each, trs),
  })),
};
