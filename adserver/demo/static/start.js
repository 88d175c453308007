// Finds out whether the ad server may have its cookie on other sites, and points the links at the hosts that work.
(function () {
  "use strict";
  var body = document.body;
  var probe = body.dataset.probe;
  var chosen = new URLSearchParams(location.search).get("world");

  function go(world) {
    body.dataset.world = world;
    document.querySelectorAll("a[data-apart]").forEach(function (link) { link.href = link.dataset[world]; });
    document.querySelectorAll("[data-apart-text]").forEach(function (text) {
      text.textContent = text.dataset[world + "Text"];
    });
    document.querySelectorAll("[data-choose]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.choose === world));
    });
  }

  function say(state) { document.querySelector(".cookies").dataset.state = state; }

  async function ask() {
    var answer = await fetch(probe + "/demo/cookie-probe", {credentials: "include", cache: "no-store"});
    return (await answer.json()).third_party_cookies;
  }

  // true or false as the browser says, null when it does not say.
  function askFrame() {
    return new Promise(function (resolve) {
      var frame = document.createElement("iframe");
      frame.hidden = true;
      window.addEventListener("message", function (message) {
        if (message.source !== frame.contentWindow || message.origin !== probe) { return; }
        frame.remove();
        resolve(message.data.demoStorageAccess);
      });
      setTimeout(function () { resolve(null); }, 3000);
      frame.src = probe + "/demo/cookie-frame";
      body.append(frame);
    });
  }

  async function check() {
    try {
      await ask();
      var came = await ask();
      var allowed = came && (await askFrame()) !== false;
      say(allowed ? "allowed" : "blocked");
      if (!chosen) { go(allowed ? "apart" : "together"); }
    } catch (error) {
      say("unknown");
    }
  }

  document.querySelectorAll("[data-choose]").forEach(function (button) {
    button.addEventListener("click", function () { chosen = button.dataset.choose; go(chosen); });
  });
  document.querySelector("[data-copy]").addEventListener("click", async function (event) {
    try {
      await navigator.clipboard.writeText(document.querySelector("[data-command]").textContent);
      event.target.textContent = "Copied";
    } catch (error) {
      getSelection().selectAllChildren(document.querySelector("[data-command]"));
    }
  });
  chosen = chosen === "apart" || chosen === "together" ? chosen : null;
  go(chosen || "apart");
  check();
})();
