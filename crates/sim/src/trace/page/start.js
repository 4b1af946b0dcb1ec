/* A page that fails says so, to people and to whoever checks it. */
addEventListener("error", (event) => {
  document.documentElement.dataset.failure = event.message;
  const box = document.createElement("p");
  box.className = "noscript";
  box.setAttribute("role", "alert");
  box.textContent = `This page cannot show its trace: ${event.message}`;
  document.body.prepend(box);
});
const page = new Page();
