// Shows the measurements of a face: a table with a row for each.

// title, name, digits, unit
const ROWS = [
  ["Yaw", "yaw", 1, "°"],
  ["Pitch", "pitch", 1, "°"],
  ["Roll", "roll", 1, "°"],
  ["Left eye", "left_eye_opening", 2, ""],
  ["Right eye", "right_eye_opening", 2, ""],
  ["Mouth", "mouth_opening", 2, ""],
  ["Asymmetry", "asymmetry", 3, ""],
];
const STATE = /_opening$/; // NAME_opening has a state NAME_open

// Return a number with its standard error, such as "12.3 ± 1.1°".
function withError({ value, error }, digits, unit) {
  if (value === null) return "not measurable";
  const half = error === null ? "" : ` ± ${error.toFixed(digits)}`;
  return `${value.toFixed(digits)}${half}${unit}`.replaceAll("-", "−");
}

function describe(measurements, name, digits, unit) {
  const number = withError(measurements[name], digits, unit);
  const state = STATE.test(name) ? measurements[name.replace(STATE, "_open")].value : null;
  return state === null ? number : `${state ? "open" : "closed"}, ${number}`;
}

// Return a table of a face's measurements; null if it has none.
export function measurementTable(face) {
  const { measurements } = face;
  const known = ROWS.filter(([, name]) => measurements?.[name]);
  if (!known.length) return null;
  const table = document.createElement("table");
  table.className = "measurements";
  table.setAttribute("aria-label", `Measurements of face ${face.face}`);
  for (const [title, name, digits, unit] of known) {
    const row = table.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = title;
    row.append(head);
    row.insertCell().textContent = describe(measurements, name, digits, unit);
  }
  return table;
}
