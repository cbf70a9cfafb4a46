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
  if ("video/*" in body) return curl(" --data-binary @clip.mp4");
  if ("multipart/form-data" in body) return curl(" -F a=@a.jpg -F b=@b.jpg");
  return curl(` -X ${method.toUpperCase()}`);
}

// Return the name of a schema's type, such as "list of numbers".
function typeName(schema) {
  if (typeof schema !== "object") return "any"; // true stands for any value
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map(typeName).join(" or ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema.prefixItems) return `[${schema.prefixItems.map(typeName).join(", ")}]`;
  if (schema.type === "array") return `list of ${typeName(schema.items ?? {})}`;
  if (schema.type === "object" && schema.additionalProperties) return `object of ${typeName(schema.additionalProperties)}`;
  return schema.type ?? "any";
}

// Return the names of the objects that a schema refers to, directly or through others.
function references(schema, found = new Set()) {
  for (const [, name] of JSON.stringify(schema).matchAll(/"#\/components\/schemas\/(\w+)"/g))
    if (!found.has(name)) references(openapi.components.schemas[name], found.add(name));
  return found;
}

// Return the fields of an object as a list.
function fieldList(schema) {
  const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const optional = (schema.required ?? []).includes(name) ? "" : ", optional";
    const item = element("li", `: ${typeName(field)}${optional}${field.description ? `. ${field.description}` : ""}`);
    item.prepend(element("code", name));
    return item;
  });
  return element("ul", "", ...fields);
}

// Return what an operation answers: its media type, and the objects in it with their fields.
function answer(operation) {
  const parts = [];
  for (const [type, { schema }] of Object.entries(operation.responses["200"]?.content ?? {})) {
    parts.push(element("p", `Answer: ${type}, ${typeName(schema)}`));
    for (const name of references(schema)) {
      const details = element("details", "", element("summary", name), fieldList(openapi.components.schemas[name]));
      details.open = typeName(schema).includes(name);
      parts.push(details);
    }
  }
  return parts;
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
      ...answer(operation),
    );
  }
operations.push(element("h2", "Errors"), element("p", "Any other status has this answer:"), fieldList(openapi.components.schemas.ErrorMessage));
document.getElementById("operations").replaceChildren(...operations);
