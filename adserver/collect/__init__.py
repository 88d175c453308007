"""Raw fields of a pixel, tag or API call -> Event, or the reason why not."""
