// What the Allure report looks like. Paths are relative to the working directory, which is the folder of
// reports (REPORTS_DIR): so one configuration serves every folder.

import { resolutionRules } from "./known-issues.mjs";
import { qualityGate } from "./verdict-gate.mjs";

// The name of the exception may stand before the words: "module.SignInBlocked: sign-in blocked: …".
const broken = (...words) => ({
  statuses: ["broken"],
  message: new RegExp(`^(?:[\\w.]+: )?(?:${words.join("|")})`),
});

export default {
  name: "Afterglow",
  output: "allure-report",
  historyPath: "history.jsonl",
  // A year of nights. The whole history is inside the report, so that it must end somewhere.
  historyLimit: 366,

  // What pytest knows of a test and a reader need not.
  hideLabels: ["host", "thread", "framework", "language", "package", "parentSuite", "suite", "subSuite"],

  // The first that matches has it: what a person does next differs between them, so the special ones go first.
  categories: {
    rules: [
      { name: "Promise broken", matchers: { statuses: ["failed"] }, expand: true },
      {
        name: "A person is needed",
        matchers: broken("sign-in blocked: needs a person", "the site asks for a person"),
        expand: true,
      },
      { name: "Sign-in blocked", matchers: broken("sign-in blocked: "), expand: true },
      { name: "Locator drift", matchers: broken("locator drift: "), expand: true },
      {
        name: "Site out of reach",
        matchers: broken(
          "https?://\\S+ cannot be reached",
          "the replica did not start",
          "the site (?:could not be reached|answers with|does not show its home|had trouble)",
          "[^\n]*net::ERR_",
        ),
        expand: true,
      },
      { name: "Undetermined", matchers: broken("undetermined: "), expand: true },
      { name: "Could not be measured", matchers: { statuses: ["broken", "unknown"] }, expand: true },
      { name: "Not applicable here", matchers: { statuses: ["skipped"] } },
    ],
  },

  resolutions: { rules: resolutionRules(), knownIssuesPath: "allure-report/known-issues.json" },

  qualityGate,

  plugins: {
    awesome: {
      options: {
        reportName: "Afterglow",
        reportLanguage: "en",
        singleFile: true, // evidence is shared as one file that opens without a server
        groupBy: ["feature"],
        // Allure cannot chart our figures (our plots are attachments); of its own charts these tell one run from
        // another. That of durations would take the time to a log-out by chance for that of a test.
        charts: [
          { type: "statusDynamics", title: "Status over the runs", limit: 14 },
          { type: "statusTransitions", title: "What changed from run to run", limit: 14 },
        ],
      },
    },
  },
};
