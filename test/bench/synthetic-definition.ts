/**
 * A definition of so many operations in the shape of large published ones: resources in groups, five operations each, paths
 * of two to five segments, parameters, bodies with schemas, a scope and now and then a tier. The same text each time.
 */
export function syntheticDefinition(operations: number): string {
  const paths: Record<string, Record<string, object>> = {};
  let count = 0;
  for (let index = 0; count < operations; index++) {
    const group = `/group-${Math.floor(index / 20)}`;
    const name = `thing-${index}`;
    const collection = index % 3 === 0 ? `${group}/${name}` : `${group}/{owner}/${name}`;
    const item = `${collection}/{id}`;
    for (const [path, method] of [
      [collection, "get"],
      [collection, "post"],
      [item, "get"],
      [item, "put"],
      [item, "delete"],
    ] as const) {
      if (count === operations) break;
      paths[path] ??= {};
      (paths[path] as Record<string, object>)[method] = operation(index, path, method, count);
      count++;
    }
  }
  return JSON.stringify({
    openapi: "3.0.3",
    info: { title: "Synthetic", version: "1.0.0" },
    servers: [{ url: "https://backend.example.com/v1" }],
    components: {
      securitySchemes: {
        oauth: {
          type: "oauth2",
          flows: {
            clientCredentials: {
              tokenUrl: "https://idp.example.com/token",
              scopes: { "things:read": "read", "things:write": "write" },
            },
          },
        },
      },
      schemas: {
        Thing: {
          type: "object",
          required: ["name"],
          properties: {
            name: { type: "string" },
            size: { type: "integer" },
            tags: { type: "array", items: { type: "string" } },
          },
        },
      },
    },
    paths,
  });
}

function operation(index: number, path: string, method: string, count: number): object {
  const body = { content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } };
  return {
    operationId: `${method}Thing${index}${path.endsWith("{id}") ? "ById" : ""}`,
    security: [{ oauth: [method === "get" ? "things:read" : "things:write"] }],
    parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      schema: { type: "string" },
    })),
    ...(method === "post" || method === "put" ? { requestBody: body } : {}),
    ...(count % 10 === 0 ? { "x-wso2-throttling-tier": "Default" } : {}),
    responses: { "200": { description: "fine", ...body } },
  };
}
