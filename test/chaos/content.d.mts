export function contentOf(id: number, size: number): Buffer;
