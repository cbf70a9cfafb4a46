// What the server can be asked, from its own description: no script from elsewhere.

const element = (kind, text, ...children) => {
  const made = document.createElement(kind);
  made.textContent = text;
  made.append(...children);
  return made;
};

const LOCAL = ["127.0.0.1", "localhost", "[::1]"];

function command(path, method, body) {
  const token = LOCAL.includes(location.hostname) ? "" : ' -H "Authorization: Bearer TOKEN"';
  const curl = (words) => `curl${token}${words} ${location.origin}${path}`;
  if (method === "get") return curl("");
  if ("application/json" in body) return curl(` -X ${method.toUpperCase()} -H "Content-Type: application/json" -d @body.json`);
  if ("image/*" in body) return curl(' --data-binary @me.jpg -H "Content-Type: image/jpeg"');
  if ("multipart/form-data" in body) return curl(" -F a=@a.jpg -F b=@b.jpg");
  return curl(` -X ${method.toUpperCase()}`);
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
