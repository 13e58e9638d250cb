import { el, setting } from "./dom.js";

// How this account signs in: its password and its second factor.
export function credentials(user) {
  return [
    setting("password-setting", "Password", "The password of this account", el("button", { type: "button", disabled: true }, "Change")),
    setting(
      "authenticator-setting",
      "Authenticator app",
      "One-time codes at sign-in",
      el("button", { type: "button", role: "switch", "aria-label": "Authenticator app", "aria-checked": String(user.mfa), disabled: true }),
    ),
  ];
}
