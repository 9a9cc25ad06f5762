/** A block of a PEM file: `-----BEGIN <label>-----`. */
export interface PemBlock {
  readonly label: string;
  /** The block itself, as it was written. */
  readonly text: string;
}

/** The blocks of a PEM file, in order; what stands around them is not looked at. */
export function pemBlocks(text: string): readonly PemBlock[] {
  const found = text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g);
  return [...found].map(([block, label = ""]) => ({ label, text: `${block}\n` }));
}
