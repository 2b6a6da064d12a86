// What the page does with files that are dropped on it: it gives them to `verify`, and shows what that says as text.
import { verify } from "./verify.ts";

const input = document.querySelector("#files");
const place = document.querySelector("#place");
const given = new Map();

async function take(files) {
  for (const file of files) {
    given.set(file.name, { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
  }
  show(await verify([...given.values()]));
}

function show({ verdict, uri, checks }) {
  const said = { verified: "Verified", wrong: "Wrong", incomplete: "Not enough to say" };
  const verdictLine = document.querySelector("#verdict");
  verdictLine.textContent = said[verdict];
  verdictLine.className = verdict;
  document.querySelector("#uri").textContent = uri ?? "";
  document.querySelector("#checks").replaceChildren(...checks.map(row));
  document.querySelector("#result").hidden = false;
}

function row({ what, state, detail }) {
  const line = document.createElement("tr");
  const marks = { ok: "right", wrong: "wrong", unknown: "not known" };
  for (const text of [marks[state], what, detail]) {
    const cell = document.createElement("td");
    cell.textContent = text;
    line.append(cell);
  }
  line.className = state;
  return line;
}

input.addEventListener("change", () => take(input.files));
document.querySelector("#again").addEventListener("click", () => {
  given.clear();
  input.value = "";
  document.querySelector("#result").hidden = true;
});
for (const name of ["dragover", "dragenter"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
}
document.addEventListener("dragleave", () => place.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  place.classList.remove("over");
  void take(event.dataTransfer.files);
});
