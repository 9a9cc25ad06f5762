const readBufferSize = 65_536;

/** Plain sockets read into this, all of them: what is in it is valid during `onRead` only. */
export const readBuffer: Buffer = Buffer.allocUnsafeSlow(readBufferSize);

/** The same memory, for copies without a view made for each. */
export const readWords: Int32Array = new Int32Array(readBuffer.buffer, readBuffer.byteOffset, readBufferSize / 4);
