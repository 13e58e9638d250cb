// The promises that the site breaks and that are broken here, on the page.
const told = document.querySelector("#shell")?.dataset.defects ?? "";

export const defects = new Set(told.split(" ").filter(Boolean));
