// What the Allure report looks like. Paths are relative to the working directory, which is the folder of
// reports (REPORTS_DIR): so one configuration serves every folder.

// pytest writes "module.SignInBlocked: sign-in blocked: …": the words may follow the name of the exception.
const says = (words) => new RegExp(`(^|: )${words}`);

export default {
  name: "Afterglow",
  output: "allure-report",
  historyPath: "history.jsonl",
  // A year of nights. The whole history is inside the report, so that it must end somewhere.
  historyLimit: 366,

  // The first that matches has it: what a person does next differs between them, so the special ones go first.
  categories: {
    rules: [
      { name: "Promise broken", matchers: { statuses: ["failed"] }, expand: true },
      { name: "Sign-in blocked", matchers: { statuses: ["broken"], message: says("sign-in blocked") }, expand: true },
      { name: "Locator drift", matchers: { statuses: ["broken"], message: says("locator drift") }, expand: true },
      { name: "Could not be measured", matchers: { statuses: ["broken"] }, expand: true },
    ],
  },

  plugins: {
    awesome: {
      options: {
        reportName: "Afterglow",
        reportLanguage: "en",
        singleFile: true, // evidence is shared as one file that opens without a server
        groupBy: ["feature"],
        // Allure cannot chart our figures (our plots are attachments); of its own charts these tell one run from another.
        charts: [
          { type: "statusDynamics", title: "Status over the runs", limit: 30 },
          { type: "statusTransitions", title: "What changed from run to run", limit: 30 },
          { type: "durationDynamics", title: "How long the runs took", limit: 30 },
        ],
      },
    },
  },
};
