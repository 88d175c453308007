// The bag lives in this browser only. Adding to it is told to the ad server through the tag's queue.
(function () {
  "use strict";
  var KEY = "wander-bag";
  var one = function (name) { return document.querySelector("[data-" + name + "]"); };
  var money = function (value) {
    return new Intl.NumberFormat("en-IE", {style: "currency", currency: "EUR"}).format(value);
  };

  function read() {
    try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch (error) { return []; }
  }

  function write(lines) {
    try { localStorage.setItem(KEY, JSON.stringify(lines)); } catch (error) { /* a bag for this page only */ }
    show(lines);
  }

  function show(lines) {
    var total = 0;
    one("bag-lines").replaceChildren.apply(one("bag-lines"), lines.map(function (line) {
      var row = document.createElement("li");
      var picture = document.createElement("img");
      picture.src = "/img/" + encodeURIComponent(line.id) + ".webp";
      picture.alt = "";
      var title = document.createElement("span");
      title.textContent = line.quantity + " × " + line.title;
      var price = document.createElement("strong");
      price.textContent = money(line.price * line.quantity);
      row.append(picture, title, price);
      total += line.price * line.quantity;
      return row;
    }));
    one("bag-count").textContent = lines.reduce(function (sum, line) { return sum + line.quantity; }, 0);
    one("bag-total").textContent = money(total);
    one("bag-empty").hidden = lines.length > 0;
  }

  var button = one("add");
  if (button) {
    button.addEventListener("click", function () {
      var data = button.dataset;
      var price = Number(data.price);
      var lines = read();
      var line = lines.find(function (other) { return other.id === data.add; });
      if (line) { line.quantity += 1; } else { lines.push({id: data.add, title: data.title, price: price, quantity: 1}); }
      write(lines);
      window.adserver("event", "add_to_cart", {
        currency: data.currency, value: price, items: [{id: data.add, price: price, quantity: 1}]
      });
      one("said").textContent = "In your bag.";
    });
  }
  one("bag-open").addEventListener("click", function () { one("bag").showModal(); });
  one("bag-close").addEventListener("click", function () { one("bag").close(); });
  one("bag-clear").addEventListener("click", function () {
    var items = read().map(function (line) { return {id: line.id, price: line.price, quantity: line.quantity}; });
    write([]);
    if (items.length) { window.adserver("event", "remove_from_cart", {currency: "EUR", items: items}); }
  });
  show(read());
})();
