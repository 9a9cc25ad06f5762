import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mapOfMessage, textIn } from "../../../runtime-lib/amqp-message.ts";

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");

describe("bodies of messages", () => {
  test("a map of JMS with every type", () => {
    const body = bytes(
      "0000000b" +
        "6100 01 01" +
        "6200 02 ff" +
        "6300 03 00000002 0102" +
        "6400 04 fffe" +
        "6500 05 0041" +
        "6600 06 00000007" +
        "6700 07 0000018b00000000" +
        "6800 08 3fc00000" +
        "6900 09 3ff8000000000000" +
        "6a00 0a c3a400" +
        "6b00 0b",
    );
    assert.deepEqual(
      [...(mapOfMessage(body) ?? [])],
      [
        ["a", true],
        ["b", -1],
        ["c", bytes("0102")],
        ["d", -2],
        ["e", "A"],
        ["f", 7],
        ["g", 1_696_512_081_920n],
        ["h", 1.5],
        ["i", 1.5],
        ["j", "ä"],
        ["k", null],
      ],
    );
  });

  test("JSON, as it is and wrapped", () => {
    const expected = [["revokedToken", "x"]];
    assert.deepEqual([...(mapOfMessage(Buffer.from('{"revokedToken":"x"}')) ?? [])], expected);
    const wrapped = '{"event":{"metaData":null,"payloadData":{"revokedToken":"x"}}}';
    assert.deepEqual([...(mapOfMessage(Buffer.from(wrapped)) ?? [])], expected);
  });

  test("an event of the hub is a text, not a wrapping", () => {
    const message = mapOfMessage(Buffer.from('{"eventType":"A","timestamp":5,"event":"e30="}'));
    assert.equal(textIn(message as never, "event"), "e30=");
    assert.equal(textIn(message as never, "timestamp"), "5");
  });

  const garbage: Readonly<Record<string, Buffer>> = {
    nothing: Buffer.alloc(0),
    text: Buffer.from("hello"),
    "an array of JSON": Buffer.from("[1]"),
    "JSON null": Buffer.from("null"),
    "a count that is cut short": bytes("0000"),
    "fewer entries than counted": bytes("00000002 6100 0101"),
    "a text without end": bytes("00000001 6100 0a 61"),
    "an unknown type": bytes("00000001 6100 0c"),
    "something behind the end": bytes("00000001 6100 0101 00"),
    "a length beyond the end": bytes("00000001 6100 03 7fffffff 00"),
    "a negative length": bytes("00000001 6100 03 80000000"),
    "more than a MiB": Buffer.concat([Buffer.from('{"a":"'), Buffer.alloc(1_048_576, 0x61), Buffer.from('"}')]),
  };
  for (const [what, body] of Object.entries(garbage))
    test(`${what} is garbage`, () => assert.equal(mapOfMessage(body), undefined));
});
