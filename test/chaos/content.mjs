/** The body that belongs to a request, `size` bytes: no two requests have the same. */
export function contentOf(id, size) {
  return Buffer.alloc(size, `${id}.`);
}
