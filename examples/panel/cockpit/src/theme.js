// Dark or light, as the other pages of Cockpit: its shell keeps the choice.

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function follow(style) {
  const chosen = style || localStorage.getItem("shell:style") || "auto";
  const is_dark = chosen === "dark" || (chosen === "auto" && dark.matches);
  document.documentElement.classList.toggle("pf-theme-dark", is_dark);
}

export function followTheme() {
  window.addEventListener("storage", (event) => {
    if (event.key === "shell:style") follow();
  });
  window.addEventListener("cockpit-style", (event) =>
    follow(event.detail && event.detail.style));
  dark.addEventListener("change", () => follow());
  follow();
}
