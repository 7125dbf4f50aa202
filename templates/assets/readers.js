// Tells this site, and nobody else, that its page was read: once for each load, when it is first seen. Keeps nothing in the browser.
(() => {
  const article = document.currentScript.dataset.article;
  const load = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const body = new URLSearchParams({ article, load, webdriver: navigator.webdriver ? "1" : "0" });
  let told = false;
  // The same load told twice is counted once, so trying again is safe.
  const send = (tries) => {
    const again = () => tries > 1 && setTimeout(send, 5000, tries - 1);
    fetch("/readers", { method: "POST", body, keepalive: true }).then((answer) => answer.status === 503 && again(), again);
  };
  const tell = () => {
    if (told || document.prerendering || document.visibilityState !== "visible") return;
    told = true;
    if ("keepalive" in Request.prototype) send(3);
    else navigator.sendBeacon("/readers", body);
  };
  document.addEventListener("prerenderingchange", tell);
  document.addEventListener("visibilitychange", tell);
  tell();
})();
