"use strict";

/* The switch between light and dark: it follows the system until the reader chooses. */
const Look = {
  start() {
    const system = matchMedia("(prefers-color-scheme: dark)");
    let chosen = null;
    try { chosen = localStorage.getItem("seaworthy-look"); } catch { /* Files may not store anything. */ }
    const asked = /[#&]look=(light|dark)/.exec(location.hash);
    if (asked) chosen = asked[1];
    const button = document.getElementById("look");
    const show = () => {
      const look = chosen ?? (system.matches ? "dark" : "light");
      document.documentElement.dataset.theme = look;
      button.setAttribute("aria-pressed", String(look === "dark"));
      button.textContent = look === "dark" ? "Light" : "Dark";
      button.title = look === "dark" ? "Show light" : "Show dark";
      dispatchEvent(new Event("look"));
    };
    system.addEventListener("change", show);
    button.addEventListener("click", () => {
      chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("seaworthy-look", chosen); } catch { /* Then it holds for this visit. */ }
      show();
    });
    show();
  },
};
