// The retargeting server that a good Node developer writes in an afternoon: Fastify, ioredis, a random cookie.
// It does what ../naive.py does, on the same product table: one process, one event loop.
//
//   node server.mjs VALKEY_URL        prints the port it took on 127.0.0.1

import { randomUUID } from "node:crypto";
import cookie from "@fastify/cookie";
import Fastify from "fastify";
import Redis from "ioredis";

const PRODUCTS = "naive:products";
const KEPT = 50;
const RETENTION_S = 90 * 86_400;
const TILES = 3;
const GIF = Buffer.from("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b", "hex");

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;" };
const escape = (text) => text.replace(/[&<>"']/g, (character) => ESCAPES[character]);

const tile = ({ link, image, title, price }) => `
<a class="tile" href="${escape(link)}" target="_blank" rel="noopener">
<img src="${escape(image)}" alt=""><span>${escape(title)}</span><b>${escape(price)}</b></a>
`;
const page = (products) => `<!doctype html>
<html><head><meta charset="utf-8"><title>Ad</title>
<style>body { margin: 0; font: 13px sans-serif } .tile { float: left; width: 33% } img { max-width: 100% }</style>
</head><body>
${products.map(tile).join("")}
</body></html>
`;

// What is called in one turn of the event loop goes out in one write.
const redis = new Redis(process.argv[2], { enableAutoPipelining: true });
const app = Fastify({ logger: false });
await app.register(cookie);

app.get("/pixel.gif", async (request, reply) => {
  const known = request.cookies.fastify;
  const visitor = known ?? randomUUID();
  const key = `fastify:u:${visitor}`;
  const results = await redis
    .pipeline()
    .zadd(key, Date.now() / 1000, request.query.p)
    .zremrangebyrank(key, 0, -KEPT - 1)
    .expire(key, RETENTION_S)
    .exec();
  for (const [error] of results) if (error) throw error;
  if (!known) reply.setCookie("fastify", visitor, { maxAge: RETENTION_S, httpOnly: true, sameSite: "lax", path: "/" });
  return reply.header("cache-control", "no-store").type("image/gif").send(GIF);
});

app.get("/ad", async (request, reply) => {
  const visitor = request.cookies.fastify;
  const ids = visitor ? await redis.zrevrange(`fastify:u:${visitor}`, 0, TILES - 1) : [];
  if (ids.length === 0) return reply.code(204).send();
  const found = await redis.hmget(PRODUCTS, ids);
  const html = page(found.filter((product) => product).map((product) => JSON.parse(product)));
  return reply.header("cache-control", "no-store").type("text/html; charset=utf-8").send(html);
});

await app.listen({ host: "127.0.0.1", port: 0 });
console.log(app.server.address().port);
