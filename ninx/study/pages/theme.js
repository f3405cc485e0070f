"use strict";

/** What the page's author has put into it for the scripts. */
const pageData = () => JSON.parse(document.getElementById("page-data").textContent);

/** The button that changes between light and dark; without it the page is as the reader's system is. */
(() => {
  const words = { en: "Light or dark", zh: "浅色或深色" };
  const button = document.createElement("button");
  button.type = "button";
  button.className = "theme";
  button.textContent = "◐";
  const name = () => {
    button.title = words[document.documentElement.lang.slice(0, 2)] || words.en;
    button.setAttribute("aria-label", button.title);
  };
  name();
  new MutationObserver(name).observe(document.documentElement, { attributeFilter: ["lang"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  button.addEventListener("click", () => {
    const chosen = document.documentElement.dataset.theme;
    const dark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    document.dispatchEvent(new Event("themechange"));
  });
  system.addEventListener("change", () => document.dispatchEvent(new Event("themechange")));
  (document.querySelector("[data-theme-button]") || document.body).append(button);
})();
