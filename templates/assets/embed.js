// For other sites: shows the frame of a campaign or an article below each link to it that is marked with `data-wellwisher`. The link stays, for
// whoever blocks frames. Keeps nothing in the browser and tells nobody anything; the frame's host does not hear which page it stands on.
(() => {
  const site = new URL(document.currentScript.src).origin;
  const show = () => {
    for (const link of document.querySelectorAll("a[data-wellwisher]")) {
      if (link.origin !== site || !/^\/(articles|campaigns)\/[^/]+$/.test(link.pathname)) continue;
      // Loaded twice, the script shows nothing twice.
      link.removeAttribute("data-wellwisher");
      const frame = document.createElement("iframe");
      frame.title = link.textContent.trim();
      frame.width = "100%";
      frame.height = link.dataset.height || "420";
      frame.loading = "lazy";
      frame.referrerPolicy = "no-referrer";
      frame.src = `${site}/embed${link.pathname}${link.search}`;
      link.after(frame);
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", show);
  else show();
})();
