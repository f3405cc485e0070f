// Opens a page in a headless browser, does the steps that standard input names, and prints as JSON what came of them.
//
// Standard input: {browser, executable, url, width, height, scheme, modules, steps}; `modules` is the node_modules folder.
// Standard output: {errors, requests, results}: what the console and the page complained of, what was asked of the network
// beside the page itself, and one result for each step.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const wanted = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(`${wanted.modules}/`);
const puppeteer = require("puppeteer-core");

async function resize(page, { width, height, scheme }) {
  await page.setViewport({ width, height });
  if (scheme && wanted.browser === "chrome") await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
}

// Points are shares of the element's width and height: [0, 0] is its left upper corner, [1, 1] the right lower one.
async function place(page, selector, [x, y]) {
  const element = await page.waitForSelector(selector);
  await element.scrollIntoView();
  const box = await element.boundingBox();
  return [box.x + x * box.width, box.y + y * box.height];
}

// A step of the test: what is to be done, and what becomes its result.
const steps = {
  evaluate: (page, { expression }) => page.evaluate(`(async () => (${expression}))()`),
  wait: async (page, { expression }) => void (await page.waitForFunction(expression)),
  click: async (page, { selector, at = [0.5, 0.5] }) => page.mouse.click(...(await place(page, selector, at))),
  press: (page, { key }) => page.keyboard.press(key),
  resize,
  upload: async (page, { selector, files }) => (await page.waitForSelector(selector)).uploadFile(...files),
  draw: async (page, { selector, points }) => {
    await page.mouse.move(...(await place(page, selector, points[0])));
    await page.mouse.down();
    for (const point of points.slice(1)) await page.mouse.move(...(await place(page, selector, point)), { steps: 4 });
    await page.mouse.up();
  },
  screenshot: async (page, { path, full = false, selector }) => {
    const target = selector ? await page.waitForSelector(selector) : page;
    await target.screenshot({ path, ...(selector ? {} : { fullPage: full }) });
  },
  axe: async (page) => {
    await page.evaluate(require("axe-core").source);
    const found = await page.evaluate(() => globalThis.axe.run({ preload: false }));
    return found.violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map((n) => n.html) }));
  },
};

const root = process.getuid && process.getuid() === 0;
const browser = await puppeteer.launch({
  browser: wanted.browser,
  executablePath: wanted.executable,
  headless: true,
  protocolTimeout: 600_000, // a busy machine may let a browser wait
  timeout: 300_000,
  args: wanted.browser === "chrome" && root ? ["--no-sandbox"] : [], // Chromium's sandbox does not work for root
  // Over WebDriver BiDi the colour scheme of Firefox cannot be changed later: 0 is dark, 1 is light
  extraPrefsFirefox: { "layout.css.prefers-color-scheme.content-override": wanted.scheme === "dark" ? 0 : 1 },
});
const errors = [];
const requests = [];
try {
  const [page] = await browser.pages(); // it begins with one
  page.setDefaultTimeout(300_000);
  page.on("console", (message) => {
    if (["error", "warn", "warning"].includes(message.type())) errors.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => errors.push(`page: ${error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    if (url !== wanted.url && !/^(data|blob|about):/.test(url)) requests.push(url);
  });
  await resize(page, wanted);
  await page.goto(wanted.url, { waitUntil: "load" });
  const results = [];
  for (const step of wanted.steps) results.push((await steps[step.do](page, step)) ?? null);
  console.log(JSON.stringify({ errors, requests, results }));
} finally {
  await browser.close();
}
