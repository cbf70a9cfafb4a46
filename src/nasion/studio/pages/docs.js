// The page "HTTP API": lists the operations of the server's OpenAPI description, without scripts from other sites.

const LOCAL_HOSTS = ["127.0.0.1", "localhost", "[::1]"];

function element(tag, text, ...children) {
  const node = document.createElement(tag);
  node.textContent = text;
  node.append(...children);
  return node;
}

// Return an example command for an operation.
function curlCommand(path, method, body) {
  const token = LOCAL_HOSTS.includes(location.hostname) ? "" : ' -H "Authorization: Bearer TOKEN"';
  const curl = (options) => `curl${token}${options} ${location.origin}${path}`;
  if (method === "get") return curl("");
  if ("application/json" in body) return curl(` -X ${method.toUpperCase()} -H "Content-Type: application/json" -d @body.json`);
  if ("image/*" in body) return curl(' --data-binary @me.jpg -H "Content-Type: image/jpeg"');
  if ("multipart/form-data" in body) return curl(" -F a=@a.jpg -F b=@b.jpg");
  return curl(` -X ${method.toUpperCase()}`);
}

const openapi = await (await fetch("/openapi.json")).json();
const operations = [];
for (const [path, methods] of Object.entries(openapi.paths))
  for (const [method, operation] of Object.entries(methods)) {
    const parameters = (operation.parameters ?? []).map((p) => element("li", p.description ? `${p.name}: ${p.description}` : p.name));
    operations.push(
      element("h2", `${method.toUpperCase()} ${path}`),
      element("p", operation.summary ?? ""),
      element("ul", "", ...parameters),
      element("pre", curlCommand(path, method, operation.requestBody?.content ?? {})),
    );
  }
document.getElementById("operations").replaceChildren(...operations);
