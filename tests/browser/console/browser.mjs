// Chromium, for all tests.
import puppeteer from "puppeteer-core";

export function launch(executablePath) {
  const asRoot = process.getuid?.() === 0 ? ["--no-sandbox"] : []; // Chromium's own sandbox does not work as root
  return puppeteer.launch({ executablePath, args: asRoot });
}
