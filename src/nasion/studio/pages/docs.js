// What the server can be asked, from its own description: no script from elsewhere.

const element = (kind, text, ...children) => {
  const made = document.createElement(kind);
  made.textContent = text;
  made.append(...children);
  return made;
};

function command(path, method, body) {
  const place = `${location.origin}${path}`;
  if (method === "get") return `curl ${place}`;
  return "multipart/form-data" in body && !("image/*" in body)
    ? `curl -F a=@a.jpg -F b=@b.jpg ${place}`
    : `curl --data-binary @me.jpg -H "Content-Type: image/jpeg" ${place}`;
}

const description = await (await fetch("/openapi.json")).json();
const operations = [];
for (const [path, methods] of Object.entries(description.paths))
  for (const [method, operation] of Object.entries(methods)) {
    const parameters = (operation.parameters ?? []).map((p) => element("li", `${p.name}: ${p.description ?? ""}`));
    operations.push(
      element("h2", `${method.toUpperCase()} ${path}`),
      element("p", operation.summary ?? ""),
      element("ul", "", ...parameters),
      element("pre", command(path, method, operation.requestBody?.content ?? {})),
    );
  }
document.getElementById("operations").replaceChildren(...operations);
