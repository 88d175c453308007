"""A banner as one picture, for mail and for slots without JavaScript: drawn as the browser lays the HTML out."""
