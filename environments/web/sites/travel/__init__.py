"""Travel agency: flights, hotels, and a booking form that grows with the passengers."""
