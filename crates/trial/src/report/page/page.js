/* The page of a whole run: it can be read without this, which finds and copies. */
(() => {
  const byId = (id) => document.getElementById(id);
  const rows = [...byId("runs").rows];

  const narrow = () => {
    const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const onlyBad = byId("only-bad").getAttribute("aria-pressed") === "true";
    let shown = 0;
    for (const row of rows) {
      const fits = words.every((word) => row.dataset.find.includes(word)) && (!onlyBad || row.dataset.bad !== "0");
      row.hidden = !fits;
      if (fits) shown++;
    }
    byId("count").textContent = shown === rows.length ? "" : `${shown} of ${rows.length} rows`;
    document.documentElement.dataset.rowsShown = String(shown);
  };

  byId("find").addEventListener("input", narrow);
  byId("only-bad").addEventListener("click", (event) => {
    const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
    event.currentTarget.setAttribute("aria-pressed", String(on));
    narrow();
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it and copy";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  addEventListener("error", (event) => { document.documentElement.dataset.failure = event.message; });
  Look.start();
  narrow();
  document.documentElement.dataset.ready = "true";
})();
