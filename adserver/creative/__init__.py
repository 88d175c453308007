"""Templates, prices and HTML of banners. Folders are read once at the start; rendering touches memory."""
