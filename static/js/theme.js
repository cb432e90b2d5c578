// The chosen theme before anything is drawn; preferences.js has the rest.
try {
  const theme = JSON.parse(localStorage.getItem("llamactl.theme") ?? "null");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // no storage, no choice
}
